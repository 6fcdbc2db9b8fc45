//! One connection to an instrument: a question at a time, each with a deadline, each answer a line of its own.
//!
//! An answer that comes late could be taken for one to a later question: after any error the connection is not used again.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::parser::{self, AnswerError, Lines, TooLong};
use crate::link::quoted;
use crate::link::stream::AnyStream;

/// What became of a question or a command.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Nothing came in time.
    #[error("no answer to {question} within {limit:?}")]
    Timeout {
        /// What was asked.
        question: String,
        /// For how long it was waited.
        limit: Duration,
    },
    /// It answered what is no answer.
    #[error("{0}")]
    Protocol(String),
    /// The connection is gone.
    #[error("the connection is lost: {0}")]
    Lost(#[from] io::Error),
}

impl From<AnswerError> for WireError {
    fn from(error: AnswerError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<TooLong> for WireError {
    fn from(error: TooLong) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// A connection.
pub struct Connection {
    stream: AnyStream,
    lines: Lines,
    limit: Duration,
}

impl Connection {
    pub fn new(stream: AnyStream, limit: Duration) -> Self {
        Self { stream, lines: Lines::default(), limit }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// When there is none in time, none that can be one, or more than one. The connection is of no more use then.
    pub async fn ask(&mut self, question: &str) -> Result<String, WireError> {
        self.nothing_is_left().await?;
        let (limit, late) = (self.limit, || WireError::Timeout { question: question.to_owned(), limit: self.limit });
        let late = late();
        timeout(limit, self.answer(question)).await.unwrap_or(Err(late))
    }

    async fn answer(&mut self, question: &str) -> Result<String, WireError> {
        self.send(question).await?;
        let mut bytes = [0; 1024];
        loop {
            if let Some(line) = self.lines.line() {
                if !self.lines.rest().is_empty() {
                    let rest = quoted(self.lines.rest());
                    return Err(WireError::Protocol(format!("it says more than the answer to {question}: {rest}")));
                }
                return Ok(parser::text(&line)?.to_owned());
            }
            match self.stream.read(&mut bytes).await? {
                0 => return Err(self.closed()),
                count => self.lines.push(&bytes[..count])?,
            }
        }
    }

    /// Tells it what it does not answer.
    ///
    /// # Errors
    /// When it is not taken in time.
    pub async fn tell(&mut self, command: &str) -> Result<(), WireError> {
        let limit = self.limit;
        let late = || WireError::Timeout { question: command.to_owned(), limit };
        timeout(limit, self.send(command)).await.map_err(|_| late())?
    }

    async fn send(&mut self, line: &str) -> Result<(), WireError> {
        // In one piece: instruments take a line from a packet.
        self.stream.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(self.stream.flush().await?)
    }

    /// Sees, without waiting, that nothing has come that nobody asked for.
    async fn nothing_is_left(&mut self) -> Result<(), WireError> {
        let mut bytes = [0; 256];
        let mut buffer = ReadBuf::new(&mut bytes);
        let stream = &mut self.stream;
        let polled = poll_fn(|task| Poll::Ready(Pin::new(&mut *stream).poll_read(task, &mut buffer))).await;
        match polled {
            Poll::Pending => Ok(()),
            Poll::Ready(Err(error)) => Err(error.into()),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => Err(self.closed()),
            Poll::Ready(Ok(())) => {
                Err(WireError::Protocol(format!("it says what nobody asked for: {}", quoted(buffer.filled()))))
            }
        }
    }

    fn closed(&self) -> WireError {
        let how = if self.lines.rest().is_empty() { "it closed" } else { "it closed in the middle of an answer" };
        WireError::Lost(io::Error::new(io::ErrorKind::UnexpectedEof, how))
    }
}

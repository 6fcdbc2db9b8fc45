//! A child process between its start and its end, with a thread at each of its pipes.
//!
//! The thread that asks never writes to or reads from a pipe: [`BUFFERS`] lines at most wait to be written and [`ROOM`] to be
//! taken, so that a child which neither reads nor stops writing costs bounded memory and blocks its own threads only. It leads a
//! process group of its own, and all of the group is ended with it. Limits: what leaves the group (`setsid`) outlives it;
//! so does a child that ignores the end of its input, if the bench itself is killed. Reading and writing allocate, in
//! their threads.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::answer::{self, Answered};
use super::group;
use super::line::{self, Found};
use crate::signal::Channels;

/// Questions that are not written yet, at most; their buffers are used again.
const BUFFERS: usize = 2;
/// Lines that were read and not yet taken, at most.
const ROOM: usize = 4;
/// How much of what a child wrote to its standard error is kept, in bytes.
const LAST_WORDS: usize = 8 << 10;
/// How often it is asked whether the child still is, while waiting.
const LOOK: Duration = Duration::from_millis(10);
/// How long what an ended child had written may take to be read.
const DRAIN: Duration = Duration::from_secs(1);
/// How long a child may take to end by itself once its input has ended.
const GRACE: Duration = Duration::from_secs(2);
/// How long the system may take to end a child that was killed.
const REAP: Duration = Duration::from_secs(2);

/// What a child says.
pub(super) enum Said {
    /// It is ready.
    Ready,
    /// An answer to a step.
    Answer(Answered),
    /// Something that cannot be.
    Lie(String),
}

/// What came of waiting for it.
pub(super) enum Next {
    Said(Said),
    Nothing,
    /// It will say nothing more.
    Ended,
}

/// A child that runs, or has ended and is not yet reaped.
pub(super) struct Running {
    child: Child,
    /// `None` once its input has ended.
    questions: Option<SyncSender<Vec<u8>>>,
    /// Buffers of questions that are written.
    spare: Receiver<Vec<u8>>,
    said: Receiver<Said>,
    errors: Arc<Mutex<VecDeque<u8>>>,
    errors_reader: Option<JoinHandle<()>>,
    /// Whether there is no point in letting it end by itself.
    killed: bool,
}

impl Running {
    /// Starts a program with arguments, in a directory or in that of the bench.
    pub(super) fn start(command: &[String], directory: Option<&Path>, outputs: Channels) -> io::Result<Self> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = match directory {
            // A path with a separator is one from the directory; what is a mere name is searched for.
            Some(directory) if Path::new(program).components().count() > 1 => Command::new(directory.join(program)),
            _ => Command::new(program),
        };
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Python holds back what it prints into a pipe: a script without `flush` would seem dead.
        command.env("PYTHONUNBUFFERED", "1");
        directory.map(|directory| command.current_dir(directory));
        group::lead(&mut command);
        Self::listen(command.spawn()?, outputs)
    }

    /// Puts a thread at each pipe. Where one cannot be had, dropping what there is ends the child.
    fn listen(mut child: Child, outputs: Channels) -> io::Result<Self> {
        let (questions, to_write) = sync_channel(BUFFERS);
        let (written, spare) = sync_channel(BUFFERS);
        (0..BUFFERS).for_each(|_| drop(written.try_send(Vec::new())));
        let (saying, said) = sync_channel(ROOM);
        let errors = Arc::new(Mutex::new(VecDeque::with_capacity(LAST_WORDS)));
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut running =
            Self { child, questions: Some(questions), spare, said, errors, errors_reader: None, killed: false };
        let (Some(input), Some(output), Some(error)) = pipes else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let ring = Arc::clone(&running.errors);
        named("input", move || write_lines(input, &to_write, &written))?;
        named("output", move || read_lines(output, &outputs, &saying))?;
        running.errors_reader = Some(named("errors", move || read_errors(error, &ring))?);
        Ok(running)
    }

    /// A buffer for a question, once one of the last is written, up to a time. Where its input has closed there always is
    /// one: no answer will come.
    pub(super) fn buffer(&self, until: Instant) -> Option<Vec<u8>> {
        match self.spare.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => None,
            buffer => Some(buffer.unwrap_or_default()),
        }
    }

    /// Sends a question, in one of the buffers.
    pub(super) fn ask(&self, question: Vec<u8>) {
        // There are no more questions than room, and none to send once it is being ended.
        let _ = self.questions.as_ref().map(|questions| questions.try_send(question));
    }

    /// Waits for what it says next, up to a time.
    pub(super) fn next(&self, until: Instant) -> Next {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left.min(LOOK)) {
                Ok(said) => return Next::Said(said),
                Err(RecvTimeoutError::Disconnected) => return Next::Ended,
                Err(RecvTimeoutError::Timeout) => {}
            }
            // Its output may be held open by a child of its own.
            if group::ended(&self.child).is_some() {
                let left = until.saturating_duration_since(Instant::now());
                return self.said.recv_timeout(left.min(DRAIN)).map_or(Next::Ended, Next::Said);
            }
            if Instant::now() >= until {
                return Next::Nothing;
            }
        }
    }

    /// Ends it, after some time to end by itself. It is reaped when this is dropped.
    pub(super) fn end(&mut self, grace: Duration) {
        self.questions = None;
        // Its output closes with the next line, so that one which does nothing but write ends as well.
        self.said = sync_channel(0).1;
        self.wait(grace);
        if !std::mem::replace(&mut self.killed, true) {
            group::kill(&mut self.child);
        }
    }

    /// Waits for its end.
    fn wait(&self, most: Duration) {
        let until = Instant::now() + most;
        while group::ended(&self.child).is_none() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// How it ended, and the end of what it wrote to its standard error, once it has ended or shortly after.
    pub(super) fn last_words(&self) -> String {
        self.wait(DRAIN);
        let until = Instant::now() + DRAIN;
        while self.errors_reader.as_ref().is_some_and(|reader| !reader.is_finished()) && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        let mut words = group::ended(&self.child).unwrap_or_else(|| "it still runs".into());
        let errors: Vec<u8> = held(&self.errors).iter().copied().collect();
        let errors = String::from_utf8_lossy(&errors);
        if !errors.trim().is_empty() {
            words.push_str("; the end of its standard error:\n");
            words.push_str(errors.trim_end());
        }
        words
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let grace = if self.killed { Duration::ZERO } else { GRACE };
        self.end(grace);
        // A wait without an end could be one for a child that sleeps in the kernel.
        let until = Instant::now() + REAP;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn named(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(format!("controller {name}")).spawn(work)
}

/// Writes questions until there are no more or nobody reads them; dropping the pipe ends the child's input.
fn write_lines(mut input: ChildStdin, questions: &Receiver<Vec<u8>>, written: &SyncSender<Vec<u8>>) {
    while let Ok(question) = questions.recv() {
        if input.write_all(&question).and_then(|()| input.flush()).is_err() {
            return;
        }
        let _ = written.try_send(question);
    }
}

/// Reads the answer to the hello, then answers to steps, until there are no more or nobody takes them.
fn read_lines(output: ChildStdout, outputs: &Channels, saying: &SyncSender<Said>) {
    let (mut output, mut line, mut ready) = (BufReader::new(output), Vec::new(), false);
    loop {
        let found = line::read(&mut output, &mut line);
        let said = match found {
            Ok(Found::Line) if ready => answer::step(&line, outputs).map(Said::Answer),
            Ok(Found::Line) => answer::ready(&line).map(|()| Said::Ready),
            Ok(Found::TooLong) => Err(format!("its line is longer than {} bytes", line::LONGEST)),
            Ok(Found::End) | Err(_) => return,
        };
        ready = true;
        // What follows a line without an end cannot be told from it.
        if saying.send(said.unwrap_or_else(Said::Lie)).is_err() || matches!(found, Ok(Found::TooLong)) {
            return;
        }
    }
}

/// Keeps the end of what comes.
fn read_errors(mut errors: ChildStderr, ring: &Mutex<VecDeque<u8>>) {
    let mut chunk = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut chunk) {
        let mut ring = held(ring);
        let over = (ring.len() + count).saturating_sub(LAST_WORDS);
        ring.drain(..over);
        ring.extend(chunk.iter().take(count));
    }
}

/// A lock that no panic can spoil: bytes are bytes.
fn held(ring: &Mutex<VecDeque<u8>>) -> MutexGuard<'_, VecDeque<u8>> {
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}

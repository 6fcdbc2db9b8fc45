//! TLS around a stream of bytes: Modbus TCP as "Modbus/TCP Security" has it, both sides.
//!
//! Whom to trust is a file of certificates that the description names; there is no other trust, and no way to do without. The
//! device's certificate must be one of a chain to one of those, in its time, and for the host of the address, or the name
//! that the description gives. Where the device asks for a certificate of ours, that of the description is sent; its role is
//! in it (extension 1.3.6.1.4.1.50316.802.1) and is the device's to judge. TLS 1.2 and 1.3.
//!
//! Limits: no revocation lists. A certificate that signs itself and says that it is an authority (as `openssl req -x509` makes
//! them) is taken for nobody's: give the device one that an authority of yours has signed. As a device we let in whom the
//! authority has signed, whatever the role.
//!
//! Source: Modbus/TCP Security V21 (MB-TCP-Security-v21_2018-07-24), 8 to 10; RFC 5246, RFC 8446, RFC 6125.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as Task, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore, ServerConfig, SignatureScheme};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::description::language::TlsHead;
use super::stream::{AnyStream, Connect, tcp};

/// How long a client may take to be let in.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Why TLS cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds no PEM.
    #[error("cannot read {}: {}", .0.display(), .1)]
    File(PathBuf, pem::Error),
    /// A file has no certificate.
    #[error("{} has no certificate", .0.display())]
    Empty(PathBuf),
    /// A certificate of an authority cannot be used.
    #[error("{}: {}", .0.display(), .1)]
    Authority(PathBuf, Error),
    /// A certificate and its key do not go together.
    #[error("{} and its key: {}", .0.display(), .1)]
    Own(PathBuf, Error),
    /// It is no name that a certificate can be for.
    #[error("{0:?} is no name that a certificate can be for")]
    Name(String),
    /// A certificate without its key, or a key without its certificate.
    #[error("a certificate needs its key, and a key its certificate")]
    Half,
    /// Clients cannot be checked.
    #[error("clients cannot be checked: {0}")]
    Clients(String),
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |error| TlsError::File(path.to_owned(), error);
    let all = CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if all.is_empty() { Err(TlsError::Empty(path.to_owned())) } else { Ok(all) }
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for own in certificates(path)? {
        roots.add(own).map_err(|error| TlsError::Authority(path.to_owned(), error))?;
    }
    Ok(roots)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| TlsError::File(path.to_owned(), error))
}

/// The host of `host:port`, without brackets.
fn host(place: &str) -> &str {
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    host.strip_prefix('[').and_then(|own| own.strip_suffix(']')).unwrap_or(host)
}

/// Our certificate, where we have one, and whether the device has asked for it.
#[derive(Debug)]
struct Own {
    certificate: Option<Arc<CertifiedKey>>,
    asked: AtomicBool,
}

impl ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.certificate.clone()
    }

    fn has_certs(&self) -> bool {
        self.certificate.is_some()
    }
}

impl Own {
    fn new(head: &TlsHead) -> Result<Self, TlsError> {
        let certificate = match (&head.certificate, &head.key) {
            (Some(own), Some(its_key)) => {
                let pair = CertifiedKey::from_der(certificates(own)?, key(its_key)?, &provider());
                Some(Arc::new(pair.map_err(|error| TlsError::Own(own.clone(), error))?))
            }
            (None, None) => None,
            _ => return Err(TlsError::Half),
        };
        Ok(Self { certificate, asked: AtomicBool::new(false) })
    }

    /// What an end before the first answer may come from. Many devices close and say nothing.
    fn explained(&self, error: io::Error) -> io::Error {
        let about = match (self.asked.load(Ordering::Relaxed), &self.certificate) {
            (false, _) => return error,
            (true, None) => "it asked for a certificate of ours, and the description has none",
            (true, Some(_)) => "it asked for our certificate, and may not have accepted it",
        };
        io::Error::new(error.kind(), format!("{error} ({about})"))
    }
}

fn client(head: &TlsHead, own: Arc<Own>) -> Result<ClientConfig, TlsError> {
    let roots = authorities(&head.ca)?;
    let built = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let built = built.map_err(|error| TlsError::Authority(head.ca.clone(), error))?;
    Ok(built.with_root_certificates(roots).with_client_cert_resolver(own))
}

/// What opens streams to `host:port`. Files are read once, now.
///
/// # Errors
/// When a file cannot be used, or the host is no name that a certificate can be for.
pub fn connect(place: &str, head: &TlsHead) -> Result<Connect, TlsError> {
    let own = Arc::new(Own::new(head)?);
    let connector = TlsConnector::from(Arc::new(client(head, Arc::clone(&own))?));
    let name = head.name.clone().unwrap_or_else(|| host(place).to_owned());
    let name = ServerName::try_from(name.clone()).map_err(|_| TlsError::Name(name))?;
    let place = place.to_owned();
    Ok(Box::new(move || {
        let (connector, name, place, own) = (connector.clone(), name.clone(), place.clone(), Arc::clone(&own));
        Box::pin(async move {
            let stream = tcp(&place).await?;
            let opened = connector.connect(name, stream).await;
            let stream: AnyStream = Box::new(opened.map_err(|error| own.explained(error))?);
            Ok(Box::new(Explaining { stream, own: Some(own) }) as AnyStream)
        })
    }))
}

/// A stream that says what its end may come from, as long as nothing was ever heard on it. In TLS 1.3 a device refuses our
/// certificate when for us everything is done.
#[derive(Debug)]
struct Explaining {
    stream: AnyStream,
    own: Option<Arc<Own>>,
}

impl AsyncRead for Explaining {
    fn poll_read(mut self: Pin<&mut Self>, task: &mut Task<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(task, into);
        match polled {
            Poll::Ready(Ok(())) if into.filled().len() > before => {
                self.own = None;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(match &self.own {
                Some(own) => own.explained(error),
                None => error,
            })),
            other => other,
        }
    }
}

impl AsyncWrite for Explaining {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Task<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }
}

/// What a device shows of itself, and whom it lets in.
#[derive(Clone, Debug)]
pub struct DeviceFiles {
    /// Its certificate, with those between it and the authority (PEM).
    pub certificate: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
    /// Certificates of who must have signed a client's; clients without one are refused then.
    pub clients: Option<PathBuf>,
}

/// Lets clients in.
#[derive(Clone)]
pub struct Acceptor(TlsAcceptor);

impl Acceptor {
    /// One for a device. Files are read once, now.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn new(files: &DeviceFiles) -> Result<Self, TlsError> {
        let clients = |error: &dyn std::fmt::Display| TlsError::Clients(error.to_string());
        let verifier: Arc<dyn ClientCertVerifier> = match &files.clients {
            Some(path) => {
                let roots = Arc::new(authorities(path)?);
                WebPkiClientVerifier::builder_with_provider(roots, provider()).build().map_err(|e| clients(&e))?
            }
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let built = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = built
            .map_err(|error| clients(&error))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates(&files.certificate)?, key(&files.key)?)
            .map_err(|error| TlsError::Own(files.certificate.clone(), error))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Lets a client in.
    ///
    /// # Errors
    /// When it is not one that may come, does not speak TLS, or takes longer than 5 s.
    pub async fn accept(&self, stream: AnyStream) -> io::Result<AnyStream> {
        let accepted = timeout(HANDSHAKE, self.0.accept(stream)).await;
        let late = || io::Error::new(io::ErrorKind::TimedOut, "the client does not finish its handshake");
        Ok(Box::new(accepted.map_err(|_| late())??))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_without_its_port() {
        for (place, own) in [("h.lab:802", "h.lab"), ("[::1]:802", "::1"), ("192.0.2.1:802", "192.0.2.1")] {
            assert_eq!(host(place), own);
            assert!(ServerName::try_from(own).is_ok());
        }
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let (none, empty) = (dir.path().join("none.pem"), dir.path().join("empty.pem"));
        std::fs::write(&empty, "not PEM").unwrap();
        let head = |ca: &Path, certificate: Option<&Path>| TlsHead {
            ca: ca.to_owned(),
            certificate: certificate.map(Path::to_owned),
            key: None,
            name: None,
        };
        let said = |head: &TlsHead| connect("h:802", head).map(|_| ()).unwrap_err().to_string();
        assert!(said(&head(&none, None)).contains("none.pem"));
        assert!(said(&head(&empty, None)).contains("has no certificate"));
    }
}

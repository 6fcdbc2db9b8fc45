//! Modbus TCP in TLS with peers that we did not write: pymodbus as a device and as a client, certificates by openssl.
//!
//! `cargo test --no-default-features --features tls --test modbus_tls`. It needs python3 with venv, the package index and
//! openssl; it fails where they are missing. Limits: loopback only; roles are in no certificate, nobody judges them.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "support/python.rs"]
mod packages;

use std::net::TcpListener as StdListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use phasorbench::link::address::Address;
use phasorbench::link::description::{self, Description};
use phasorbench::link::driver::Prepared;
use phasorbench::link::modbus::server::{Exception, Store, TcpRequests, answer, tcp_frame};
use phasorbench::link::modbus::{Block, Table};
use phasorbench::link::port::{Directive, LinkState, LoopEnd, port};
use phasorbench::link::tls::{Acceptor, DeviceFiles};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

/// The environment's python, with the packages in it.
fn python() -> PathBuf {
    packages::with("modbus_tls", &["pymodbus==3.16.1"], "pymodbus.simulator")
}

fn script(name: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modbus_tls").join(name);
    let mut command = Command::new(python());
    command.arg(path).stdin(Stdio::null());
    command
}

/// Certificates in a folder of their own.
struct Certificates(tempfile::TempDir);

impl Certificates {
    /// Two authorities, and what `authority` has signed: a device for localhost, one whose time is over, one for another
    /// name, a client.
    fn new() -> Self {
        let own = Self(tempfile::tempdir().unwrap());
        for name in ["authority", "other"] {
            let subject = format!("/CN={name}");
            own.openssl(&["req", "-x509", "-days", "30", "-subj", &subject, "-out", &format!("{name}.pem")], name);
        }
        own.sign("device", "DNS:localhost,IP:127.0.0.1", "30");
        own.sign("expired", "DNS:localhost,IP:127.0.0.1", "-1");
        own.sign("elsewhere", "DNS:device.example", "30");
        own.sign("client", "DNS:bench", "30");
        own
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs openssl here, with a new key for `name`.
    fn openssl(&self, args: &[&str], name: &str) {
        let key = format!("{name}.key");
        let new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", &key];
        self.run(&[args, &new].concat());
    }

    fn run(&self, args: &[&str]) {
        let output = Command::new("openssl").args(args).current_dir(self.0.path()).output().expect("openssl");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn sign(&self, name: &str, names: &str, days: &str) {
        let [request, signed, more] = ["csr", "pem", "ext"].map(|end| format!("{name}.{end}"));
        self.openssl(&["req", "-subj", &format!("/CN={name}"), "-out", &request], name);
        std::fs::write(self.path(&more), format!("subjectAltName={names}\nbasicConstraints=CA:FALSE\n")).unwrap();
        let by = ["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial", "-extfile", &more];
        self.run(&[&["x509", "-req", "-in", &request, "-days", days, "-out", &signed][..], &by].concat());
    }

    fn described(&self, tls: &str) -> Arc<Description> {
        let text = format!(
            "device: inverter\nkind: inverter\npoll_s: 0.05\ntimeout_s: 1\nmodbus: {{tls: {tls}}}\npoints:\n  p_w: {{holding: 0, \
             as: int16}}\n  v_v: {{holding: 1, as: uint16, scale: 0.1}}\nset_points:\n  p_w: {{holding: 10, as: int16, range: \
             [-500, 500], safe: 0}}\n"
        );
        let reading = description::from_text(text, &self.path("inverter.yaml"));
        assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
        Arc::new(reading.description.unwrap())
    }
}

/// Their device, which does not outlive the test.
struct Peer(Child);

impl Peer {
    fn new(certificates: &Certificates, device: &str, clients: Option<&str>) -> (Self, u16) {
        let at = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = script("server.py");
        server.arg(at.to_string());
        server.args([format!("{device}.pem"), format!("{device}.key")].map(|name| certificates.path(&name)));
        server.args(clients.map(|name| certificates.path(&format!("{name}.pem"))));
        server.stdout(Stdio::null()).stderr(Stdio::null());
        (Self(server.spawn().unwrap()), at)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn driven(description: &Arc<Description>, at: &str) -> LoopEnd {
    let prepared = Prepared::new(description).unwrap();
    let address = Address::parse(at).unwrap();
    let plug = prepared.plug(&address).unwrap_or_else(|error| panic!("{error}"));
    let (own, end) = port(2, 1);
    tokio::spawn(prepared.run(plug, Some(&address), end, Instant::now()));
    own
}

const TRUSTING: &str = "{ca: authority.pem}";
const KNOWN: &str = "{ca: authority.pem, certificate: client.pem, key: client.key}";

async fn works(certificates: &Certificates, tls: &str, clients: Option<&str>, host: &str) {
    let (_peer, at) = Peer::new(certificates, "device", clients);
    let own = &mut driven(&certificates.described(tls), &format!("tls://{host}:{at}"));
    own.direct(Directive::Operate);
    own.command(&[-321.0]);
    let (mut values, begun) = ([f64::NAN; 2], Instant::now());
    while !own.take(&mut values).is_some_and(|stamp| stamp.confirmed) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}: {:?}", own.state(), own.trouble());
        sleep(Duration::from_millis(5)).await;
    }
    assert!(values[0] == 1234.0 && (values[1] - 230.2).abs() < 1e-9 && own.state() == LinkState::Up, "{values:?}");
}

#[tokio::test]
async fn their_device_is_read_and_set() {
    let certificates = Certificates::new();
    works(&certificates, TRUSTING, None, "127.0.0.1").await;
    works(&certificates, TRUSTING, None, "localhost").await;
    works(&certificates, "{ca: authority.pem, name: localhost}", None, "127.0.0.1").await;
    works(&certificates, KNOWN, Some("authority"), "127.0.0.1").await;
}

#[tokio::test]
async fn who_cannot_be_trusted_is_not_spoken_to() {
    let certificates = Certificates::new();
    for (device, clients, tls, words) in [
        ("device", None, "{ca: other.pem}", "UnknownIssuer"),
        ("device", None, "{ca: authority.pem, name: device.example}", "not valid for name"),
        ("elsewhere", None, TRUSTING, "not valid for name"),
        ("expired", None, TRUSTING, "Expired"),
        ("device", Some("authority"), TRUSTING, "it asked for a certificate of ours, and the description has none"),
        ("device", Some("other"), KNOWN, "may not have accepted it"),
    ] {
        let (_peer, at) = Peer::new(&certificates, device, clients);
        let own = driven(&certificates.described(tls), &format!("tls://127.0.0.1:{at}"));
        let (begun, mut said) = (Instant::now(), String::new());
        while !said.contains(words) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{device} {tls}: {said}");
            sleep(Duration::from_millis(5)).await;
            said = own.trouble().unwrap_or_default();
        }
        assert_eq!(own.state(), LinkState::Connecting, "{said}");
    }
}

#[test]
fn what_is_missing_is_said_before_anything_is_sent() {
    let certificates = Certificates::new();
    let refused = |description: &Arc<Description>| {
        let prepared = Prepared::new(description).unwrap();
        prepared.plug(&Address::parse("tls://localhost:1").unwrap()).err().unwrap().to_string()
    };
    let said = refused(&certificates.described("null"));
    assert!(said.contains("whom to trust"), "{said}");
    let said = refused(&certificates.described("{ca: nowhere.pem}"));
    assert!(said.contains("nowhere.pem"), "{said}");
    let said = refused(&certificates.described("{ca: authority.pem, certificate: client.pem, key: device.key}"));
    assert!(said.contains("client.pem and its key"), "{said}");
    let half =
        "device: m\nkind: meter\nmodbus: {tls: {ca: a.pem, key: a.key}}\npoints:\n  v_v: {holding: 1, as: uint16}\n";
    let reading = description::from_text(half.into(), Path::new("m.yaml"));
    assert_eq!(reading.diagnostics.iter().map(|own| own.code).collect::<Vec<_>>(), ["E0602"]);
}

/// Registers that hold their addresses, and 40 more.
struct Registers;

impl Store for Registers {
    fn serves(&self, unit: u8) -> bool {
        unit == 1
    }
    fn writable(&self) -> bool {
        false
    }
    fn read(&mut self, block: Block, words: &mut [u16]) -> Result<(), Exception> {
        words.iter_mut().zip(block.address..).for_each(|(word, address)| *word = address + 40);
        Ok(())
    }
    fn write(&mut self, _: Table, _: u16, _: &[u16]) -> Result<(), Exception> {
        Err(Exception::Function)
    }
    fn identification(&self) -> [&str; 3] {
        ["PhasorBench", "registers", "1"]
    }
}

/// Serves who comes and may.
async fn served(acceptor: Acceptor, listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(mut stream) = acceptor.accept(Box::new(stream)).await else { return };
            let (mut requests, mut bytes) = (TcpRequests::default(), [0; 512]);
            while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                requests.push(&bytes[..count]);
                while let Ok(Some(request)) = requests.request() {
                    let frame = tcp_frame(&request, &answer(&request.pdu, &mut Registers));
                    if stream.write_all(&frame).await.is_err() || stream.flush().await.is_err() {
                        return;
                    }
                }
            }
        });
    }
}

#[tokio::test]
async fn their_client_is_let_in_or_not() {
    let certificates = Certificates::new();
    for (device, clients, authority, client, said) in [
        ("device", None, "authority", None, "[40, 41]"),
        ("device", Some("authority"), "authority", Some("client"), "[40, 41]"),
        ("device", Some("authority"), "authority", None, "refused"),
        ("device", Some("other"), "authority", Some("client"), "refused"),
        ("device", None, "other", None, "refused"),
        ("expired", None, "authority", None, "refused"),
    ] {
        let file = |name: &str| certificates.path(name);
        let clients = clients.map(|name: &str| file(&format!("{name}.pem")));
        let (certificate, key) = (file(&format!("{device}.pem")), file(&format!("{device}.key")));
        let acceptor = Acceptor::new(&DeviceFiles { certificate, key, clients }).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(served(acceptor, listener));
        let mut theirs = script("client.py");
        theirs.arg(at.to_string()).arg(file(&format!("{authority}.pem")));
        theirs.args(
            client.into_iter().flat_map(|name: &str| [format!("{name}.pem"), format!("{name}.key")]).map(|n| file(&n)),
        );
        let output = tokio::task::spawn_blocking(move || theirs.output().unwrap());
        let output = timeout(Duration::from_secs(60), output).await.expect("in time").unwrap();
        serving.abort();
        let own = String::from_utf8_lossy(&output.stdout);
        assert_eq!(own.trim(), said, "{device} {authority} {client:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

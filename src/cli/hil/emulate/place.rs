//! Where an emulated device is to be: an address of this machine's, or a bus.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use phasorbench::link::address::Address;
use phasorbench::link::description::Description;
use tokio::net::TcpListener;

use super::{Args, complain};
use crate::{Exit, input};

/// What `--listen` says.
#[derive(Clone, Debug)]
pub enum Place {
    /// A port, and a PMU's number where it is given.
    Tcp(SocketAddr, Option<u16>),
    /// A bus.
    Bus(Address),
}

/// Reads what `--listen` says. A port may be 0, which no address of a device may.
pub fn place(text: &str) -> Result<Place, String> {
    let tcp = |text: &str| text.to_socket_addrs().ok().and_then(|mut all| all.next());
    // Nothing is asked of a name server but hosts.
    if let Some(own) = (!text.contains('/')).then(|| tcp(text)).flatten() {
        return Ok(Place::Tcp(own, None));
    }
    if let Some(rest) = text.strip_prefix("tcp://").or(text.strip_prefix("scpi://")) {
        return tcp(rest).map(|own| Place::Tcp(own, None)).ok_or_else(|| "give it as in tcp://127.0.0.1:1502".into());
    }
    if let Some(rest) = text.strip_prefix("c37118://") {
        let (host, query) = rest.split_once('?').unwrap_or((rest, ""));
        // The number is read as in any address.
        let id = Address::parse(&format!("c37118://127.0.0.1:4712?{query}")).map_err(|error| error.to_string())?;
        let id = id.get("id").and_then(|id| u16::try_from(id).ok());
        let own = tcp(host).or_else(|| tcp(&format!("{host}:4712")));
        return own.map(|own| Place::Tcp(own, id)).ok_or_else(|| "give it as in c37118://127.0.0.1:4712?id=7".into());
    }
    match Address::parse(text) {
        Ok(address) if crate::hil::devices::is_can(&address) => Ok(Place::Bus(address)),
        Ok(_) => Err("give ADDRESS:PORT of this machine, or a CAN bus".into()),
        Err(_) => Err("give it as in 127.0.0.1:1502, c37118://127.0.0.1:4712, can:vcan0 or udp://239.74.163.2".into()),
    }
}

/// The port where a device listens; a PMU's number where it is given. Not reachable from elsewhere without `--allow`.
pub fn port(args: &Args, description: &Description, otherwise: u16) -> Result<(SocketAddr, Option<u16>), Exit> {
    let (place, id) = match &args.listen {
        None => (SocketAddr::from(([127, 0, 0, 1], otherwise)), None),
        Some(Place::Tcp(place, id)) => (*place, *id),
        Some(Place::Bus(address)) => {
            return Err(complain(format!("{} is not on CAN: it cannot be at {address}", description.name)));
        }
    };
    if !place.ip().is_loopback() && args.allowed.is_empty() {
        let help = Some("name those who may come, as in --allow 192.0.2.7".to_owned());
        let message = format!("{place} can be reached from elsewhere, and everybody could command the device");
        return Err(input::complain("E0410", message, help));
    }
    Ok((place, id))
}

/// Listens at the k-th port after a place.
pub async fn bind(mut place: SocketAddr, k: u16) -> Result<(TcpListener, SocketAddr), Exit> {
    if place.port() != 0 {
        let port = place.port().checked_add(k);
        place.set_port(port.ok_or_else(|| complain(format!("{place} has no port {k} ports on")))?);
    }
    let listener = TcpListener::bind(place).await;
    let listener = listener.map_err(|error| complain(format!("cannot listen on {place}: {error}")))?;
    let place = listener.local_addr().unwrap_or(place);
    Ok((listener, place))
}

/// Who may come: this machine's where it listens on loopback and nobody is named.
pub fn allowed(args: &Args, place: SocketAddr) -> Vec<IpAddr> {
    match (place.ip().is_loopback(), args.allowed.is_empty()) {
        (true, true) => vec![IpAddr::from([127, 0, 0, 1]), IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)],
        _ => args.allowed.clone(),
    }
}

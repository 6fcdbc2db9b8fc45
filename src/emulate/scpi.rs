//! Emulated devices that speak SCPI: [`crate::link::scpi::instrument`] with a [`Model`] behind it.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::time::Instant;

use super::model::Model;
use crate::link::description::Description;
use crate::link::fault::Faults;
use crate::link::scpi::instrument::{Behind, Instrument, InstrumentError};
use crate::link::scpi::serve;
use crate::link::stream::AnyStream;

/// An instrument with a model behind it.
pub type ScpiDevice = Instrument<Box<dyn Model>>;
/// One that its server and the bench share.
pub type SharedScpi = serve::Shared<Box<dyn Model>>;

impl Behind for Box<dyn Model> {
    fn step(&mut self, dt_s: f64) {
        (**self).step(dt_s);
    }

    fn set(&mut self, name: &str, value: f64) {
        (**self).set(name, value);
    }

    fn get(&self, name: &str) -> Option<f64> {
        (**self).get(name)
    }

    fn act(&mut self, acting: bool) {
        (**self).act(acting);
    }

    fn has_let_go(&self) -> bool {
        (**self).has_let_go()
    }

    fn reboot(&mut self) {
        (**self).reboot();
    }
}

/// A device of a description with a model behind it, to be shared.
///
/// # Errors
/// When it does not speak SCPI, or not so that it can be emulated.
pub fn scpi(description: &Description, model: Box<dyn Model>, faults: Faults) -> Result<SharedScpi, InstrumentError> {
    Instrument::new(description, model, faults).map(serve::shared)
}

/// Serves one line until it ends, or the device is unplugged.
pub async fn serve_scpi(stream: AnyStream, device: SharedScpi, epoch: Instant) {
    serve::serve(stream, device, epoch).await;
}

/// Listens until it is dropped: serves who comes from an allowed address, and nobody while the device is unplugged.
pub async fn listen_scpi(listener: TcpListener, device: SharedScpi, epoch: Instant, allowed: Vec<IpAddr>) {
    serve::listen(listener, Arc::clone(&device), epoch, allowed).await;
}

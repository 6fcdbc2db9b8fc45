//! CAN on the wire.

//! IEEE C37.118: phasors on the wire.

//! Sites of inverters.

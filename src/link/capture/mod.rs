//! What went over the wire, recorded.

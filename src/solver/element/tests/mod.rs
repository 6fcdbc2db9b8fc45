//! Tests of the element models against OpenDSS and against physics.

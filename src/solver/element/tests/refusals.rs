//! What cannot be modelled is refused by name, and nothing panics.

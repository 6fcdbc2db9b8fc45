//! Against vectors and hand calculations.

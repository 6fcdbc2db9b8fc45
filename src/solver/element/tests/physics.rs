//! Properties that hold whatever the numbers.

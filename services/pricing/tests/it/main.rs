//! The engine against what others got wrong, and against what must hold for any input.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod golden;
mod selection;
mod totals;

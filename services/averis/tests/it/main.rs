//! The whole platform: as one process, under stress, under kills, by its command line.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests stand outside the services, fail by panicking, and say what they saw"
)]

mod chaos;
mod commands;
mod configuration;
mod docs;
mod draining;
mod edge;
mod import_memory;
mod launches;
mod logs;
mod openapi;
mod process;
mod provisioning_kills;
mod stress_isolation;
mod telemetry;

//! The whole platform: as one process, under stress, under kills, by its command line.

mod commands;
mod docs;
mod import_memory;
mod openapi;
mod process;
mod provisioning_kills;
mod stress_isolation;

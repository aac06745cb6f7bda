#![doc = include_str!("../README.md")]

pub mod access_log;
pub mod audit;
pub mod auth;
pub mod body;
pub mod clock;
pub mod config;
pub mod cursor;
pub mod forms;
pub mod hex;
pub mod idempotency;
pub mod lanes;
pub mod limit;
pub mod locks;
pub mod machine;
pub mod metrics;
pub mod openapi;
pub mod patch;
pub mod problem;
pub mod query;
pub mod reply;
pub mod request;
pub mod rounds;
pub mod serve;
pub mod telemetry;
pub mod tenancy;
pub mod version;

pub use auth::{Caller, Identity, Person};
pub use body::{Body, MergePatch};
pub use problem::{ApiResult, Code, FieldProblem, Problem};
pub use reply::Reply;
pub use tenancy::Tenant;

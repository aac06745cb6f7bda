#![doc = include_str!("../README.md")]

pub mod access;
pub mod client;
pub mod customer;
pub mod events;
pub mod oms;
pub mod product;
pub mod tenant;

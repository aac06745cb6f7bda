#![doc = include_str!("../README.md")]

pub mod access;
pub mod client;
pub mod customer;
pub mod ecomm;
pub mod erp;
pub mod events;
pub mod oms;
pub mod pricing;
pub mod product;
pub mod tenant;

//! Reads and verification of the credential register, over JSON-RPC and HTTP, on a real database.

mod bundle;
mod did;
mod examples;
mod identifiers;
mod limits;
mod presentations;
mod reads;
mod rest;
mod scene;
mod subscribe;
mod supplied;
mod verdicts;

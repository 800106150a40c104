//! Tests of the node: its parts in one process, with a real database.

mod rpc;
mod rpc_limits;
mod rpc_tokens;

//! The parts of a node with their real libraries, on loopback: mempool, gossip, interface.

mod command;
mod config;
mod door;
mod gossip;
mod mempool;
mod mempool_pool;
mod rpc;
mod rpc_limits;
mod rpc_tokens;
mod rpc_ubin;

//! The parts of a node with their real libraries, on loopback: mempool, gossip, interface.

mod backup;
mod command;
mod config;
mod delivery;
mod door;
mod envelopes;
mod feed;
mod gossip;
mod import;
mod issuing;
mod mempool;
mod mempool_pool;
mod past;
mod program;
mod resolver;
mod rpc;
mod rpc_etr;
mod rpc_gov;
mod rpc_limits;
mod rpc_tokens;
mod rpc_ubin;
mod search;
mod search_follow;
mod search_gate;
mod ubin_links;
mod vc;

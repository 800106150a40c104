//! `titian-node`: runs a node and serves its operator.

use std::process::ExitCode;

/// A node makes and drops many small values on several threads at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    titian_node::command::main()
}

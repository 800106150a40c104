//! `titian-node`: runs a node and serves its operator.

use std::process::ExitCode;

fn main() -> ExitCode {
    titian_node::command::main()
}

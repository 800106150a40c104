//! What `titian devnet` says where there is nothing to run.

use std::net::TcpListener;

use titian_tests::ports;

use super::titian_in;

#[test]
fn a_folder_without_devnet_is_a_usage_error_with_the_next_step() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for verb in ["down", "status", "demo"] {
        let ran = titian_in(folder.path(), &[], &["devnet", verb]);
        assert_eq!(ran.code, 2, "{verb}: {ran:?}");
        assert!(ran.stderr.contains("titian devnet up"), "{verb}: {ran:?}");
    }
}

#[test]
fn a_folder_with_other_things_is_never_taken_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("net")).expect("a folder");
    std::fs::write(folder.path().join("net/letter.txt"), "mine").expect("a file");
    let ran = titian_in(folder.path(), &[], &["devnet", "up"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("is no devnet"), "{ran:?}");
    let left: Vec<_> = std::fs::read_dir(folder.path().join("net")).expect("the folder").collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn a_port_that_is_taken_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let base = ports::free_forty();
    // the RPC of the second node
    let taken = base + 12;
    let _held = TcpListener::bind(("127.0.0.1", taken)).expect("a free port");
    let ran = titian_in(folder.path(), &[], &["devnet", "up", "--base-port", &base.to_string()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains(&format!("port {taken}")), "{ran:?}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_devnet_is_not_moved_to_other_ports() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("net")).expect("a folder");
    let description = r#"{"titianDevnet":1,"chain":"titian-devnet-1","basePort":27000,"nodes":[]}"#;
    std::fs::write(folder.path().join("net/devnet.json"), description).expect("a file");
    let ran = titian_in(folder.path(), &[], &["devnet", "up", "--base-port", "27100"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("27000") && ran.stderr.contains("--dir"), "{ran:?}");
}

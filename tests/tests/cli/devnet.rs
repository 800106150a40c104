//! What `titian devnet` says where there is nothing to run.

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

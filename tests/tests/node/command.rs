//! The operator's commands, as a shell would call them.

use std::path::Path;

use tempfile::TempDir;
use titian_node::command::run_with;

fn call(arguments: &[&str]) -> u8 {
    run_with(std::iter::once("titian-node").chain(arguments.iter().copied()).map(Into::into))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the temporary folder has a plain name")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn init_makes_keys_and_configuration_once_and_leaves_them_alone_afterwards() {
    let at = folder();
    assert_eq!(call(&["init", "--dir", text(at.path())]), 0);
    let files = ["titian-node.toml", "validator.key", "network.key"];
    let read = || files.map(|file| std::fs::read(at.path().join(file)).expect("it was made"));
    let made = read();
    assert_ne!(made[1], made[2], "two keys");
    assert_eq!(call(&["init", "--dir", text(at.path())]), 0);
    assert_eq!(read(), made);
}

#[test]
fn the_exit_code_tells_what_kind_of_failure_it_is() {
    let at = folder();
    assert_eq!(call(&["--help"]), 0);
    assert_eq!(call(&["conjure"]), 2);
    for not_built in ["backup", "rollback"] {
        assert_eq!(call(&[not_built]), 2, "{not_built}");
    }
    assert_eq!(call(&["restore"]), 2, "no folder");
    let config = at.path().join("titian-node.toml");
    assert_eq!(call(&["check-config", "--config", text(&config)]), 2, "no file");
    assert_eq!(call(&["init", "--dir", text(at.path())]), 0);
    assert_eq!(call(&["check-config", "--config", text(&config)]), 1, "no genesis");
    assert_eq!(call(&["verify-db", "--config", text(&config)]), 1, "no genesis");
    assert_eq!(call(&["prune", "--config", text(&config)]), 1, "no genesis");
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("bound").port()
    };
    std::fs::write(&config, format!("[rpc]\nlisten = \"127.0.0.1:{port}\"\n")).expect("written");
    assert_eq!(call(&["status", "--config", text(&config)]), 4, "no node");
    std::fs::write(&config, "[rpc]\nlisen = 1\n").expect("written");
    assert_eq!(call(&["run", "--check", "--config", text(&config)]), 2, "unknown key");
}

/// The contribution of one state with two root keys and a validator.
fn contribute(at: &Path, cc: &str) -> String {
    let keys = at.join(cc);
    for name in ["root1", "root2", "node"] {
        assert_eq!(call(&["init", "--dir", text(&keys.join(name))]), 0);
    }
    let draft = keys.join("draft.toml");
    let content = format!(
        "cc = \"{cc}\"\nname = \"State of {cc}\"\nroot-k = 2\n\
         root-keys = [\"root1/validator.key\", \"root2/validator.key\"]\n\
         [[registers]]\nscheme = \"SUR\"\nregister-domain = \"register.example\"\n\
         [validator]\nvalidator-key = \"node/validator.key\"\nnetwork-key = \"node/network.key\"\n\
         consensus = \"/ip4/127.0.0.1/tcp/26600\"\ngossip = \"/ip4/127.0.0.1/tcp/26601\"\n"
    );
    std::fs::write(&draft, content).expect("written");
    let output = at.join(format!("{cc}.json"));
    let template = at.join("template.toml");
    let arguments =
        ["genesis", "contribute", "--template", text(&template), "--draft", text(&draft), "-o"];
    assert_eq!(call(&[&arguments[..], &[text(&output)]].concat()), 0);
    text(&output).to_owned()
}

#[test]
fn two_persons_who_assemble_the_same_inputs_get_the_same_bytes_and_differences_are_found() {
    let at = folder();
    let template = at.path().join("template.toml");
    let content = "chain = \"ceremony-1\"\ntime-ms = 1782864000000\napp-version = 1\n\
                   unicode-version = \"14.0.0\"\nsandbox = true\nmembers = [\"SG\", \"MY\"]\n";
    std::fs::write(&template, content).expect("written");
    let (sg, my) = (contribute(at.path(), "SG"), contribute(at.path(), "MY"));
    let (first, second) = (at.path().join("first.json"), at.path().join("second.json"));
    let assemble = |output: &Path, contributions: [&str; 2]| {
        let arguments = ["genesis", "assemble", "--template", text(&template), "-o", text(output)];
        call(&[&arguments[..], &contributions].concat())
    };
    assert_eq!(assemble(&first, [&sg, &my]), 0);
    assert_eq!(assemble(&second, [&my, &sg]), 0);
    let read = |path: &Path| std::fs::read(path).expect("it was made");
    assert_eq!(read(&first), read(&second));
    assert_eq!(assemble(&first, [&sg, &my]), 1, "never overwritten");
    let genesis = titian_genesis::Genesis::parse(&read(&first)).expect("a genesis");
    for member in &genesis.members {
        let [register] = member.registers.as_slice() else { panic!("{}: one register", member.cc) };
        assert_eq!(register.scheme, "SUR");
        assert_eq!(register.domain.as_deref(), Some("register.example"));
        assert_eq!(register.did, None);
    }

    let check = |contributions: [&str; 2]| {
        let arguments = ["genesis", "check", text(&first), "--template", text(&template)];
        call(&[&arguments[..], &contributions].concat())
    };
    assert_eq!(call(&["genesis", "check", text(&first)]), 0);
    assert_eq!(check([&sg, &my]), 0);
    let other = folder();
    std::fs::copy(&template, other.path().join("template.toml")).expect("copied");
    let other_my = contribute(other.path(), "MY");
    assert_eq!(check([&sg, &other_my]), 1, "other keys, another genesis");
}

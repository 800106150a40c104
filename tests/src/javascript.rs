//! The JavaScript libraries of `tests/interop/vc`, behind a pipe.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// A running Node with the libraries loaded. It ends with this value.
#[derive(Debug)]
pub struct Libraries {
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("interop/vc")
}

impl Libraries {
    /// Starts Node. The error says what is missing.
    pub fn start() -> Result<Self, String> {
        if !folder().join("node_modules").is_dir() {
            return Err("the JavaScript libraries are not installed: run `make setup`".to_owned());
        }
        let mut child = Command::new("node")
            .arg("main.mjs")
            .current_dir(folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("Node is not installed ({error}): run `make setup`"))?;
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, answers })
    }

    /// Asks for `name` with the members of `request`; gives the answer or the error of the library.
    pub fn ask(&mut self, name: &str, request: Value) -> Result<Value, String> {
        let mut request = request;
        request["do"] = json!(name);
        writeln!(self.input, "{request}").expect("Node runs");
        let line = self.answers.recv_timeout(ANSWER_MAX);
        let line = line.unwrap_or_else(|error| panic!("Node gave no answer to {name}: {error}"));
        let mut answer: Value = serde_json::from_str(&line).expect("an answer is JSON");
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }

    /// As [`Self::ask`], for what the library must be able to do.
    pub fn must(&mut self, name: &str, request: Value) -> Value {
        self.ask(name, request).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

impl Drop for Libraries {
    fn drop(&mut self) {
        // it may have ended by itself; either way nothing is left of it
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The program itself: its options, what it prints, and its end.
//! It must not leave a process behind.

use http::header;
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// A running program that ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspi-sandbox"));
        let child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self(child.expect("a started program"))
    }

    /// What it prints until it has said everything.
    fn said(&mut self) -> Vec<String> {
        let out = BufReader::new(self.0.stdout.take().expect("its output"));
        let mut lines = Vec::new();
        for line in out.lines().map_while(Result::ok) {
            let is_last = line.contains("exclusive@sandbox.test");
            lines.push(line);
            if is_last {
                break;
            }
        }
        lines
    }
}

#[tokio::test]
async fn the_program_says_where_it_is_serves_and_ends_politely() {
    let folder = tempfile::tempdir().expect("a folder");
    let knobs = folder.path().join("knobs.json");
    std::fs::write(&knobs, r#"{"login": {"redirect_url": "root"}}"#).expect("a file");
    let knobs = knobs.to_str().expect("text");
    let mut program =
        Program::start(&["--listen", "127.0.0.1:0", "--control", "--seed", "7", "--knobs", knobs]);
    let said = program.said();
    let address = said[0].strip_prefix("SANDBOX portal on ").expect("the address");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let login =
        http.post(format!("http://{address}/api/p/login")).header(header::HOST, "idmc.shop.kaspi.localhost");
    let login = login.body(r#"{"_u": "plain@sandbox.test", "_p": "sandbox-password"}"#).send().await;
    assert_eq!(login.expect("an answer").text().await.expect("a body"), r#"{"redirectUrl":"/"}"#);
    let counters = http.get(format!("http://{address}/sandbox/control/counters")).send().await;
    assert_eq!(counters.expect("an answer").status(), 200);
    let pid = program.0.id().to_string();
    assert!(Command::new("kill").arg(pid).status().expect("a signal").success());
    assert!(program.0.wait().expect("its end").success());
}

#[test]
fn bad_options_are_refused() {
    for arguments in [
        &["--listen", "0.0.0.0:0"][..],
        &["--listen", "here"],
        &["--ca-file", "x.pem"],
        &["--listen", "127.0.0.1:0", "--knobs", "/nowhere/knobs.json"],
        &["--listen", "127.0.0.1:0", "--host-suffix", "a b"],
    ] {
        let mut program = Program::start(arguments);
        assert!(!program.0.wait().expect("its end").success(), "{arguments:?}");
    }
}

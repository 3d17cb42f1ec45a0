//! The program itself, which can be killed, where a service within the test can't be.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The program, until it is killed.
pub(crate) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // SIGKILL: that is what these tests are about.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Program {
    /// Over these data, with these variables, once it listens.
    pub(crate) async fn start(address: SocketAddr, data: &Path, variables: &[(&str, &str)]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
            .arg("serve")
            .env("FANFARE_LISTEN", address.to_string())
            .env("FANFARE_DATA_DIR", data)
            .env("FANFARE_LOG", "error")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self(child);
        for _ in 0..2_000 {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return program;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the service did not become ready");
    }
}

/// Where nobody listens yet.
pub(crate) fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

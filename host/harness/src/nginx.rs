//! nginx as the load balancer before the HTTP pods, where it is installed.

use anyhow::{Context, Result};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running nginx. It ends with this value.
pub(crate) struct Nginx {
    child: Child,
    address: String,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with the master when that is asked, not when it is killed.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            // It may have ended; there is nobody to tell.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

impl Nginx {
    pub(crate) fn is_installed() -> bool {
        Command::new("nginx")
            .arg("-v")
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Starts it over these pods, with its files in this directory.
    pub(crate) fn start(directory: &Path, listen: &str, pods: &[String]) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let servers: String = pods
            .iter()
            .map(|pod| format!("        server {pod} max_fails=1 fail_timeout=1s;\n"))
            .collect();
        let configuration = format!(
            "daemon off;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream portal {{
{servers}        keepalive 32;
    }}
    server {{
        listen {listen};
        location / {{
            proxy_pass http://portal;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host $host;
            proxy_request_buffering off;
            proxy_buffering off;
        }}
    }}
}}
"
        );
        let file = directory.join("nginx.conf");
        std::fs::write(&file, configuration)?;
        let child = Command::new("nginx")
            .args(["-e", "error.log", "-p"])
            .arg(directory)
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("nginx cannot be started")?;
        Ok(Self {
            child,
            address: listen.to_owned(),
        })
    }

    /// Where it listens: `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

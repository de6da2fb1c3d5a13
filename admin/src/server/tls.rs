//! TLS: a certificate and its key, read anew when the files change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// How often to check whether the files have changed.
const LOOK: Duration = Duration::from_secs(2);

/// What the server shows to clients.
pub(super) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files, and looks at them again from time to time.
    pub(super) fn watch(certificate: &Path, key: &Path) -> io::Result<Arc<Self>> {
        let mut seen = (changed(certificate), changed(key));
        let tls = Arc::new(Self {
            config: RwLock::new(read(certificate, key)?),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        });
        let weak = Arc::downgrade(&tls);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                let Some(tls) = weak.upgrade() else { return };
                let now = (changed(&tls.certificate), changed(&tls.key));
                if now == seen {
                    continue;
                }
                match read(&tls.certificate, &tls.key) {
                    Ok(config) => {
                        *tls.config.write() = config;
                        seen = now;
                        tracing::info!("the certificate was read anew");
                    }
                    // Only one of the two files may have been replaced so far.
                    Err(error) => tracing::error!(%error, "the certificate stays as it was"),
                }
            }
        });
        Ok(tls)
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.read()))
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

fn read(certificate: &Path, key: &Path) -> io::Result<Arc<ServerConfig>> {
    let failed = |path: &Path, problem: &dyn std::fmt::Display| {
        io::Error::other(format!("cannot use {}: {problem}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(certificate, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, &error))?;
    // The process may have no default provider, and a library does not choose one.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private)
        })
        .map_err(|error| failed(certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

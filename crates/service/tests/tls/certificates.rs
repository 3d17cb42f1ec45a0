//! Certificates made when the test runs, so that none expires in the repository.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Somebody who signs, and what they signed for a server at 127.0.0.1, as PEM.
pub(crate) struct Certificates {
    /// Who signed.
    pub(crate) authority: String,
    /// The server's own.
    pub(crate) server: String,
    /// Its key (PKCS #8).
    pub(crate) key: String,
}

impl Certificates {
    /// Of an authority that nobody else knows.
    pub(crate) fn new() -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "fanfare test authority");
        let authority = params.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let server = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        Self {
            authority,
            server: server.pem(),
            key: key.serialize_pem(),
        }
    }

    /// The authority's certificate as a file, for who is to believe it.
    pub(crate) fn authority_in(&self, directory: &Path, name: &str) -> PathBuf {
        let file = directory.join(name);
        std::fs::write(&file, &self.authority).unwrap();
        file
    }
}

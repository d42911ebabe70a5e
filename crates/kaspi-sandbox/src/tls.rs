//! TLS for the real host names: a certificate authority made at every start, and a server certificate signed by it.
//! It must not write the authority's key anywhere.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{error::Error, sync::Arc};

/// What TLS needs.
pub(crate) struct Tls {
    /// The authority's certificate in PEM.
    pub(crate) authority: String,
    /// The server's side, with HTTP/2 and HTTP/1.1 by ALPN.
    pub(crate) config: Arc<ServerConfig>,
}

impl Tls {
    /// Makes an authority and a certificate for `names`.
    pub(crate) fn new(names: Vec<String>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let authority_key = KeyPair::generate()?;
        let mut authority = params(Vec::new(), "SANDBOX authority (not Kaspi)")?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let key = KeyPair::generate()?;
        let mut server = params(names, "SANDBOX portal (not Kaspi)")?;
        server.use_authority_key_identifier_extension = true;
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = server.signed_by(&key, &issuer)?;

        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone(), authority_certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { authority: authority_certificate.pem(), config: Arc::new(config) })
    }
}

fn params(names: Vec<String>, common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2050, 1, 1);
    Ok(params)
}

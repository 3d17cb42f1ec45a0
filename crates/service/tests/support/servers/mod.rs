//! Servers that a test starts for itself, since it stops them, starves them, or
//! gives them certificates.

pub(crate) mod kafka;
pub(crate) mod postgres;

//! Fernet key ring: seal, open, rotate.

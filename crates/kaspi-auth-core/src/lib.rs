//! The rules of kaspi-auth: login flow, session lifecycle, policies, use cases, ports. No IO.

//! Whose data a call may see. Every finder takes a [`Tenant`], so that no query can forget the owner.

use crate::id::UserId;

/// The owner in whose name a call is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Tenant {
    /// A service of the company's own: sees every store.
    All,
    /// One user: sees its own stores and logins, and gets "not found" for all others.
    User(UserId),
}

impl Tenant {
    /// Whether this tenant may see what `owner` holds.
    pub fn sees(&self, owner: Option<&UserId>) -> bool {
        match self {
            Self::All => true,
            Self::User(user) => owner == Some(user),
        }
    }

    /// The user of this tenant, if it is one.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::All => None,
            Self::User(user) => Some(user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_sees_only_its_own() {
        let (me, other) = (UserId::parse("me").unwrap(), UserId::parse("other").unwrap());
        let tenant = Tenant::User(me.clone());
        assert!(tenant.sees(Some(&me)));
        assert!(!tenant.sees(Some(&other)));
        assert!(!tenant.sees(None), "a store without an owner belongs to no user");
        assert!(Tenant::All.sees(None) && Tenant::All.sees(Some(&other)));
    }
}

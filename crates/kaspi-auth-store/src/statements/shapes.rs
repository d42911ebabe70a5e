//! Statements on the shapes of the portal's steps.

use super::Statement;

pub(crate) const ALL: &[Statement] = &[LOOK, TOUCH, BEFORE, INSERT];

/// Always one row: when the shape was last seen, and how many its step has.
pub(crate) const LOOK: Statement = Statement::new(
    "shapes.look",
    "select (select last_seen from kaspi_auth_shapes where step = $1 and digest = $2),
            (select count(*) from kaspi_auth_shapes where step = $1)",
);

pub(crate) const TOUCH: Statement = Statement::new(
    "shapes.touch",
    "update kaspi_auth_shapes set last_seen = $3 where step = $1 and digest = $2 and last_seen < $3",
);

/// The other shape that was seen last.
pub(crate) const BEFORE: Statement = Statement::new(
    "shapes.before",
    "select shape from kaspi_auth_shapes where step = $1 and digest <> $2 order by last_seen desc, first_seen desc limit 1",
);

/// Touches no row when the shape is known, or when the step has `$5` of them.
pub(crate) const INSERT: Statement = Statement::new(
    "shapes.insert",
    "insert into kaspi_auth_shapes (step, digest, shape, first_seen, last_seen)
     select $1, $2, $3, cast($4 as bigint), cast($4 as bigint)
      where cast($5 as bigint) > (select count(*) from kaspi_auth_shapes where step = $1)
     on conflict (step, digest) do nothing",
);

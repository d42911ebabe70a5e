//! The client of the Kaspi merchant cabinet: the direct engine and the cabinet API.

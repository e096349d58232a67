"""Ground floor: types, errors, validation, optional imports. Imports no other room."""

"""The contract with the application, for every adapter: it sees what it would see without us."""

//! One pure model of Dokploy and of services, on virtual time.

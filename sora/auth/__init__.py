"""Who somebody is: passwords, SASL mechanisms, the authenticator."""

"""The names under which twistd knows Sora."""

from twisted.application.service import ServiceMaker

sora = ServiceMaker("Sora", "sora.app.plugin", "The Sora mail store: IMAP and LMTP.", "sora")
sora_admin = ServiceMaker(
    "Sora administration", "sora.app.admin", "Administer a Sora mail store.", "sora-admin"
)

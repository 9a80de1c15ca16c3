# A script for [sieve] default_before: what the spam filter before Sora has marked goes to the
# mailbox for junk, before scripts of domains and users run.
#
# The header is that of SpamAssassin and of rspamd's milter_headers; remove what comes in with the
# mail of others (rspamd does it, and so does amavis).

require ["fileinto", "special-use", "mailbox"];

if anyof (
    header :is "X-Spam-Flag" "YES",
    header :is "X-Spam" "Yes",
    header :contains "X-Spam-Status" "Yes, "
) {
    fileinto :specialuse "\\Junk" :create "Junk";
}

// What an application does with imapflow. Arguments as JSON in EXERCISE; prints one line for each
// thing that was seen, and "done" at the end.
const { ImapFlow } = require('imapflow');
const assert = require('assert');

const given = JSON.parse(process.env.EXERCISE);

function connection(extra) {
    return new ImapFlow({
        host: 'localhost',
        port: given.port,
        secure: given.secure,
        doSTARTTLS: false,
        tls: { ca: given.ca },
        auth: { user: given.user, pass: given.password },
        logger: false,
        ...extra
    });
}

async function wrongPassword() {
    const client = connection({ auth: { user: given.user, pass: 'wrong' } });
    client.on('error', () => {});
    await assert.rejects(client.connect(), error => {
        assert.ok(error.authenticationFailed);
        return true;
    });
}

async function all(generator) {
    const found = [];
    for await (const one of generator) {
        found.push(one);
    }
    return found;
}

async function main() {
    await wrongPassword();
    const client = connection({ qresync: true, disableCompression: given.disableCompression });
    const expunged = [];
    client.on('expunge', event => expunged.push(event));
    await client.connect();
    console.log('enabled', [...client.enabled].sort().join(' '));

    const folders = await client.list({ statusQuery: { messages: true, unseen: true } });
    const sent = folders.find(folder => folder.specialUse === '\\Sent');
    assert.strictEqual(sent.path, 'Sent');
    const inbox = folders.find(folder => folder.path === 'INBOX');
    assert.strictEqual(inbox.status.messages, given.count);

    const lock = await client.getMailboxLock('INBOX');
    assert.strictEqual(client.mailbox.exists, given.count);
    assert.ok(client.mailbox.highestModseq > 0n);
    assert.ok(client.mailbox.uidValidity > 0n);
    const query = { uid: true, flags: true, envelope: true, bodyStructure: true, size: true, source: given.count < 1000 };
    const messages = await all(client.fetch('1:*', query));
    assert.strictEqual(messages.length, given.count);
    const total = messages.reduce((sum, one) => sum + one.size, 0);
    console.log('size', total);
    if (given.count < 1000) {
        assert.ok(messages.every(one => one.source.length === one.size));
    }
    assert.ok(messages.every(one => one.modseq > 0n));

    const before = client.mailbox.highestModseq;
    await client.messageFlagsAdd('1:3', ['\\Flagged', '$Work']);
    const changed = await all(client.fetch('1:*', { flags: true }, { changedSince: before }));
    assert.strictEqual(changed.length, 3);
    assert.deepStrictEqual(await client.search({ keyword: '$Work' }, { uid: true }), messages.slice(0, 3).map(one => one.uid));

    const moved = await client.messageMove('1:2', 'Archive');
    assert.strictEqual(moved.uidMap.size, 2);
    const copied = await client.messageCopy('1', 'Archive');
    assert.strictEqual(copied.uidMap.size, 1);
    await client.messageDelete('1');
    console.log('expunged', expunged.length, expunged.filter(one => one.uid).length);

    const part = await client.download(`${messages[10].uid}`, undefined, { uid: true });
    let octets = 0;
    for await (const chunk of part.content) {
        octets += chunk.length;
    }
    assert.ok(octets > 0);

    await client.mailboxCreate(['Work', 'täglich']);
    await client.append('Work/täglich', 'Subject: hello\r\n\r\nx\r\n', ['\\Seen'], new Date('2024-01-02T03:04:05Z'));
    const status = await client.status('Work/täglich', { messages: true, uidNext: true, highestModseq: true });
    assert.strictEqual(status.messages, 1);
    const quota = await client.getQuota('INBOX');
    console.log('quota', quota !== false);

    const waiting = new Promise(resolve => client.once('exists', resolve));
    const other = connection({ disableCompression: true });
    await other.connect();
    const idling = client.idle();
    await other.append('INBOX', 'Subject: woken\r\n\r\nx\r\n');
    console.log('exists', (await waiting).count);
    await other.logout();
    await client.noop();
    await idling;
    lock.release();
    await client.mailboxDelete('Work/täglich');
    await client.logout();
    console.log('done');
}

main().catch(error => {
    console.error(error);
    process.exit(1);
});

// SPDX-License-Identifier: Apache-2.0
//
// The API as @grpc/grpc-js sees it; how it is spoken to is in test/integration/foreign.py.
'use strict';

const fs = require('fs');
const readline = require('readline');
const { parseArgs } = require('util');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const { values: flags } = parseArgs({
        options: Object.fromEntries(
                ['proto', 'target', 'ca', 'cert', 'key', 'name', 'compression', 'window'].map((name) => [name, { type: 'string' }])),
});

// Nearly the JSON mapping of proto3: what python3-protobuf reads.
const definition = loader.loadSync(flags.proto, {
        keepCase: true, longs: String, enums: String, bytes: String, defaults: false,
});
const service = grpc.loadPackageDefinition(definition).v1alpha.PublicAPI;

const file = (name) => (name ? fs.readFileSync(name) : null);
const credentials = flags.ca ? grpc.credentials.createSsl(file(flags.ca), file(flags.key), file(flags.cert))
        : grpc.credentials.createInsecure();
const channel = { 'grpc.max_receive_message_length': -1, 'grpc.enable_http_proxy': 0 };
if (flags.name) {
        channel['grpc.ssl_target_name_override'] = flags.name;
        channel['grpc.default_authority'] = flags.name;
}
if (flags.compression === 'gzip')
        channel['grpc.default_compression_algorithm'] = grpc.compressionAlgorithms.gzip;
const client = new service(flags.target, credentials, channel);

const say = (...words) => fs.writeSync(1, words.join(' ') + '\n');
const end = (status) => say('end', status.code, JSON.stringify(status.details || ''));
const told = (reply) => JSON.stringify(reply);

function call(method, request, options, cancelAfter) {
        return new Promise((done) => {
                if (!service.service[method].responseStream) {
                        client[method](request, options, (error, reply) => {
                                if (reply)
                                        say('reply', told(reply));
                                end(error || { code: 0 });
                                done();
                        });
                        return;
                }
                const stream = client[method](request, options);
                let seen = 0;
                stream.on('data', (reply) => {
                        say('reply', told(reply));
                        if (told(reply) !== '{}' && ++seen === cancelAfter)
                                stream.cancel();
                });
                stream.on('error', () => {}); // the status says it
                stream.on('status', (status) => {
                        end(status);
                        done();
                });
        });
}

async function main() {
        for await (const line of readline.createInterface({ input: process.stdin })) {
                const [, timeout, cancelAfter, method, request] = line.match(/^(\d+) (\d+) (\w+) (.*)$/);
                const options = +timeout ? { deadline: Date.now() + +timeout } : {};
                await call(method, JSON.parse(request), options, +cancelAfter);
        }
        client.close();
}

main();

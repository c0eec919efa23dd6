// Package model explores every interleaving of Gapless's protocols. There are
// three models, each a state, its steps and what must hold in it:
//
//   - the log (State): publishers that append, also the same message from several
//     connections, clients that try again or give up, drainers that take the lease,
//     move the pointer and give the lease back, somebody who voids, an operator who
//     deletes the head, and the sweeper;
//   - the delivery (Delivery): one member that joins, refuses its messages, is put
//     on record as behind, is told and joins again, while two drains serve it;
//   - the membership (Membership): joins and leaves of one connection that run at
//     once, and its removal.
//
// In each of them a function may die at any step, and a request whose answer was
// lost may arrive once more, at once or after anything else has happened.
// pkg/msglog/PROOF.md says in words why what is checked holds, and names for each
// of its sentences what holds it.
//
// A state is what stands in DynamoDB, what is on its way in SNS, which requests
// are still under way, and at which step each process is; a step is one call of
// AWS. The clock is left out: a lease may look live or expired to anybody at any
// time. There is one exception: Lambda repeats a run that died after a minute, and
// by then the lease of that run has expired for everybody.
//
// What the models leave out: numbers, epochs, publishers and faults are few, so a
// fault that needs more of them is not found; a message without a key is like one
// whose key nobody else uses; entries and marks do not expire.
package model

// Package service has the parts that the services of the local AWS share:
// observers, refusals, the front of the JSON protocols, injected faults, ids,
// and the defaults of a Config. It knows nothing of any one service.
//
// Every service has the same shape:
//
//   - Config, whose zero value works unless it says otherwise, and New;
//   - RunT, which makes a service for the length of a test;
//   - ServeHTTP, which answers the protocol of the AWS SDKs, with Transport and
//     Client to call it in process, without a socket;
//   - Observe, which tells what happens;
//   - a fault hook in Config and Set…Fault, which make requests go wrong;
//   - methods that look at the state and change it without a request.
package service

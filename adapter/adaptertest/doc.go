// Package adaptertest tests adapters: [Run] checks that an [adapter.Provider] whose nodes form a
// cluster behaves as package adapter documents, on nodes that are started and ended, and, as
// far as the adapter's bus can be made to, with nodes that are silent or cut off and messages
// that are late, repeated, out of order or malformed.
//
// The nodes of the suite are not servers: they have namespaces and sockets of their own, which
// record what is delivered. That makes the suite independent of clients and transports.
//
//	func TestAdapter(t *testing.T) {
//		adaptertest.Run(t, func(t testing.TB) adaptertest.Cluster {
//			prefix := "test" + rand.Text()
//			return adaptertest.Cluster{
//				Provider: func() adapter.Provider { return myadapter.New(address, prefix) },
//			}
//		})
//	}
package adaptertest

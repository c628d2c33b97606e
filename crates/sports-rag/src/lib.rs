//! sports-rag
